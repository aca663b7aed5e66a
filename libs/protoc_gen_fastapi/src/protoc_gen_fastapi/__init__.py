"""A protoc plugin that writes gRPC and FastAPI transports from the same .proto, and the runtime they stand on."""
