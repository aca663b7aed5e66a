"""Calls the user service over gRPC: python test/clients/user.py --help."""

from rpc_script import script

from eshop_protos.user.v1 import user_api

main = script(user_api, port="ESHOP_USER_GRPC_PORT", default_port=30082)

if __name__ == "__main__":
    main()
