"""The gRPC server, the HTTP server and what every port serves."""
