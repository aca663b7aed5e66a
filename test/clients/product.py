"""Calls the product service over gRPC: python test/clients/product.py --help."""

from rpc_script import script

from eshop_protos.product.v1 import product_api

main = script(product_api, port="ESHOP_PRODUCT_GRPC_PORT", default_port=30182)

if __name__ == "__main__":
    main()
