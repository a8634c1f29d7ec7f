# One image for web, worker, slow and beat; compose.yaml says how each is started.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt requirements-suggest.txt ./
# EXTRAS=requirements-suggest.txt also installs what learns label suggestions (docs/suggestions.md).
ARG EXTRAS=
RUN /venv/bin/pip install --quiet --require-hashes -r requirements.txt ${EXTRAS:+-r $EXTRAS}

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home labelcrm \
    && install -d -o labelcrm -g labelcrm -m 700 /data
COPY --from=build /venv /venv
COPY . /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LABELCRM_HOME=/data HOST=0.0.0.0 PORT=8000 DJANGO_SETTINGS_MODULE=labelcrm.settings
USER labelcrm
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "-m"]
CMD ["labelcrm.launcher.processes", "web"]
