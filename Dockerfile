# A node in a container: docker build -t counterpart . && docker run -p 127.0.0.1:8080:8080 -p 5000:5000 -v counterpart:/data counterpart
# docs/OPERATIONS.md says what to mind.

FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/core/package.json packages/core/
COPY packages/node/package.json packages/node/
# what the two packages need at run time: none of the tools of the checkout, and no install scripts
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
      --workspace @counterpart/core --workspace @counterpart/node --include-workspace-root=false

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    COUNTERPART_DATA_DIR=/data \
    COUNTERPART_API_HOST=0.0.0.0 \
    COUNTERPART_P2P_HOST=0.0.0.0 \
    COUNTERPART_LOG_FORMAT=json
WORKDIR /app
# some dependencies are in a package's own node_modules
COPY --from=dependencies /app ./
COPY LICENSE NOTICE ./
COPY packages/core packages/core
COPY packages/node packages/node
RUN install -d -o node -g node -m 0700 /data
USER node
VOLUME /data
EXPOSE 8080 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.COUNTERPART_API_PORT || 8080) + '/api/v1/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "packages/node/bin/counterpart.mjs"]
CMD ["start"]
