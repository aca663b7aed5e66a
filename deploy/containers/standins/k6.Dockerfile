# In place of grafana/k6: the binary is the context.
FROM scratch
COPY k6 /usr/bin/k6
USER 12345
ENTRYPOINT ["/usr/bin/k6"]
