"""Calls the flash-sale service over gRPC: python test/clients/flash_sale.py --help."""

from rpc_script import script

from eshop_protos.flash_sale.v1 import flash_sale_api

main = script(flash_sale_api, port="ESHOP_FLASH_SALE_GRPC_PORT", default_port=30682)

if __name__ == "__main__":
    main()
