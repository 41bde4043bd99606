# One image for API, worker and command line; the command decides which it is.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /srv/huiying
# The lock alone first: this layer is built again only when a pin moves.
COPY requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml alembic.ini ./
COPY app app
COPY migrations migrations
# Editable, so that the migrations stay beside the package as in a checkout.
RUN .venv/bin/pip install --no-deps --no-build-isolation --no-index -e . \
    && python -m compileall -q app migrations \
    && .venv/bin/pip uninstall -y -q pip

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 huiying \
    && useradd --uid 10001 --gid huiying --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin huiying \
    && install -d -o huiying -g huiying -m 700 /data
WORKDIR /srv/huiying
# Owned by root: the process cannot change its own code.
COPY --from=build /srv/huiying /srv/huiying
ENV PATH=/srv/huiying/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HUIYING_MODE=production \
    HUIYING_DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["huiying"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
