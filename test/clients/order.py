"""Calls the order service over gRPC: python test/clients/order.py --help."""

from rpc_script import script

from eshop_protos.order.v1 import order_api

main = script(order_api, port="ESHOP_ORDER_GRPC_PORT", default_port=30282)

if __name__ == "__main__":
    main()
