"""Where prices come from: recorded files, a seeded simulator, the ECB's reference rates; and the bus they are published on."""
