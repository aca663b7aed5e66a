#!/bin/bash
# Starts Kafka as the official image does: each KAFKA_SOME_NAME is the broker's setting some.name.
set -eu
config=/tmp/server.properties
env | sed -n '/^KAFKA_HEAP_OPTS=/d; s/^KAFKA_//p' | while IFS='=' read -r name value; do
    name=${name,,}
    printf '%s=%s\n' "${name//_/.}" "$value"
done > $config
java=(java -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties)
if [ ! -f "$KAFKA_LOG_DIRS/meta.properties" ]; then
    "${java[@]}" -Xmx128m -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --cluster-id="$CLUSTER_ID" -c $config
fi
exec "${java[@]}" $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' kafka.Kafka $config
