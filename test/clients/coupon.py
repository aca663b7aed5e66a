"""Calls the coupon service over gRPC: python test/clients/coupon.py --help."""

from rpc_script import script

from eshop_protos.coupon.v1 import coupon_api

main = script(coupon_api, port="ESHOP_COUPON_GRPC_PORT", default_port=30482)

if __name__ == "__main__":
    main()
