// Before the first paint: the theme this person chose, here or in the admin (one key for both, as Alpine's persist writes it).
(() => {
  let theme = "auto";
  try { theme = JSON.parse(localStorage.getItem("_x_adminTheme") || '"auto"'); } catch { /* an unreadable choice is no choice */ }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
