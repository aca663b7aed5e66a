# Any of the suite's Python programs. SERVICE names it: user, product, order, stock, coupon, pay, flash-sale, gw; deploy
# is the one that sets stores up and seeds. Context: the checkout.
#
# No BuildKit needed. All images share one environment that holds every service: what they need is nearly the same. It
# comes in two layers, so that a change of the suite's own code makes (and pulls) a small one.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS dependencies
ARG UV_VERSION=0.13.9
# Taken when given to the build: where packages come from, instead of PyPI. (http_proxy and its kind always are.)
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV UV_PROJECT_ENVIRONMENT=/venv UV_PYTHON=python3 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
RUN python3 -m venv /uv && /uv/bin/pip install --quiet --disable-pip-version-check "uv==${UV_VERSION}"
WORKDIR /workspace
COPY pyproject.toml uv.lock ./
COPY protos/pyproject.toml protos/
COPY libs/aiodtm/pyproject.toml libs/aiodtm/
COPY libs/chassis/pyproject.toml libs/chassis/
COPY libs/eshop_contract/pyproject.toml libs/eshop_contract/
COPY libs/protoc_gen_fastapi/pyproject.toml libs/protoc_gen_fastapi/
# manifests: begin copied
COPY user/pyproject.toml user/
COPY product/pyproject.toml product/
COPY order/pyproject.toml order/
COPY stock/pyproject.toml stock/
COPY coupon/pyproject.toml coupon/
COPY pay/pyproject.toml pay/
COPY flash_sale/pyproject.toml flash_sale/
COPY eshop_gw/pyproject.toml eshop_gw/
# manifests: end
COPY deploy/pyproject.toml deploy/
COPY bench/pyproject.toml bench/
# What the lock names. The root file system is read-only at run time, so the bytecode has to be there; by hash it does not
# depend on the clock.
RUN /uv/bin/uv sync --quiet --frozen --no-dev --all-packages --no-install-workspace \
    && /venv/bin/python -m compileall -q -j 2 --invalidation-mode unchecked-hash /venv/lib

FROM dependencies AS workspace
COPY . .
# What the suite itself adds to the environment, laid aside in /suite.
RUN touch /before \
    && /uv/bin/uv sync --quiet --frozen --no-dev --all-packages --no-editable \
    && mkdir /suite && cd / && find venv -cnewer /before -type f ! -name '*.lock' -exec cp --parents -t /suite {} + \
    && /venv/bin/python -m compileall -q -s /suite --invalidation-mode unchecked-hash /suite/venv/lib \
    && for program in /venv/bin/eshop-*; do \
        mkdir -p "/programs/${program##*/eshop-}" && ln -s "$program" "/programs/${program##*/eshop-}/service"; \
    done

FROM ${PYTHON_IMAGE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=dependencies /venv /venv
COPY deploy/containers/health.py /health.py
# Where compose mounts the volume with the installation's secret, which `deploy` writes.
RUN mkdir /keys && chown 10001:10001 /keys
COPY --from=workspace /suite/ /
# Up to here all images are one: built once, pulled once, and in memory once.
ARG SERVICE
LABEL org.opencontainers.image.title="eshop-${SERVICE}" org.opencontainers.image.licenses="MIT"
COPY --from=workspace /programs/${SERVICE}/ /
USER 10001:10001
ENTRYPOINT ["/service"]
