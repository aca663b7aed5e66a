"""Calls the gateway over gRPC: python test/clients/gw.py --help."""

from rpc_script import script

from eshop_protos.eshop_gw.v1 import eshop_gw_api

main = script(eshop_gw_api, port="ESHOP_GW_GRPC_PORT", default_port=8282)

if __name__ == "__main__":
    main()
