"""The messages of DTM's gRPC API. Generated from dtm.proto; see the README for the command."""
