"""Calls the stock service over gRPC: python test/clients/stock.py --help."""

from rpc_script import script

from eshop_protos.stock.v1 import stock_api

main = script(stock_api, port="ESHOP_STOCK_GRPC_PORT", default_port=30382)

if __name__ == "__main__":
    main()
