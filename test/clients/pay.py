"""Calls the pay service over gRPC: python test/clients/pay.py --help."""

from rpc_script import script

from eshop_protos.pay.v1 import pay_api

main = script(pay_api, port="ESHOP_PAY_GRPC_PORT", default_port=30582)

if __name__ == "__main__":
    main()
