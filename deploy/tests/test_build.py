"""deploy/dtm/build.sh with a `go` that only pretends: what it changes, and what it must refuse to build."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from eshop_deploy.tools import dtm

FAKE_GO = """#!/bin/sh
case "$1 $2" in
"list -m") echo "{module}" ;;
"build "*) for out; do [ "$last" = -o ] && echo binary > "$out"; last=$out; done ;;
esac
"""
LISTENS = """package dtmsvr
	app := dtmutil.GetGinApp()
	err := app.Run(fmt.Sprintf(":%d", conf.HTTPPort))
	lis, err := net.Listen("tcp", fmt.Sprintf(":%d", conf.GrpcPort))
"""
ENGINE = """package dtmutil
func GetGinApp() *gin.Engine {
	app := gin.New()
	app.Use(gin.Recovery())
"""
DIALS = """package dtmgimp
		conn, rerr := grpc.Dial(grpcServer, inOpt, grpc.WithTransportCredentials(insecure.NewCredentials()), opts)
	return v.(*grpc.ClientConn), rerr
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    for part in ("client", "dtmsvr", "dtmutil", "sqls"):
        (folder / part).mkdir(parents=True)
    for name in ("go.mod", "go.sum", "sqls/dtmsvr.storage.mysql.sql", "sqls/dtmcli.barrier.mysql.sql"):
        (folder / name).touch()
    clients = folder / "client" / "dtmgrpc" / "dtmgimp"
    clients.mkdir(parents=True)
    (clients / "grpc_clients.go").write_text(DIALS)
    (folder / "dtmutil" / "utils.go").write_text(ENGINE)
    return folder


def build(tmp_path: Path, module: Path) -> subprocess.CompletedProcess[str]:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(FAKE_GO.replace("{module}", str(module)))
    go.chmod(0o755)
    env = {**os.environ, "PATH": f"{go.parent}:{os.environ['PATH']}"}
    argv = ["sh", str(dtm.source() / "build.sh"), str(tmp_path / "out" / "dtm"), str(tmp_path / "work")]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_both_listen_addresses_are_replaced(tmp_path: Path, module: Path) -> None:
    (module / "dtmsvr" / "svr.go").write_text(LISTENS)
    assert build(tmp_path, module).returncode == 0
    patched = (tmp_path / "work" / "dtm" / "dtmsvr" / "svr.go").read_text()
    assert "net.JoinHostPort(listenHost(), fmt.Sprint(conf.HTTPPort))" in patched
    assert "net.JoinHostPort(listenHost(), fmt.Sprint(conf.GrpcPort))" in patched
    assert '":%d"' not in patched
    assert (tmp_path / "out" / "dtm").exists()


def test_replicas_take_turns_and_those_that_are_ready_come_first(tmp_path: Path, module: Path) -> None:
    (module / "dtmsvr" / "svr.go").write_text(LISTENS)
    assert build(tmp_path, module).returncode == 0
    clients = tmp_path / "work" / "dtm" / "client" / "dtmgrpc" / "dtmgimp"
    patched = (clients / "grpc_clients.go").read_text()
    assert "dialReplicas(grpcServer, inOpt, grpc.With" in patched
    assert "return v.(*replicas).best(), rerr" in patched
    assert (clients / "dialling.go").read_text() == (dtm.source() / "dialling.go").read_text()


def test_web_pages_of_other_origins_are_refused_before_any_route(tmp_path: Path, module: Path) -> None:
    (module / "dtmsvr" / "svr.go").write_text(LISTENS)
    assert build(tmp_path, module).returncode == 0
    patched = tmp_path / "work" / "dtm"
    server = (patched / "dtmsvr" / "svr.go").read_text()
    assert "app := dtmutil.GetGinApp(refuseForeignCallers)" in server
    assert "err := serveWithin(app, net.JoinHostPort(" in server
    assert "app.Use(gin.Recovery())\n\tapp.Use(first...)" in (patched / "dtmutil" / "utils.go").read_text()
    assert "func refuseForeignCallers(" in (patched / "dtmsvr" / "callers.go").read_text()


@pytest.mark.parametrize("missing", ["app := dtmutil.GetGinApp()", "app.Run("])
def test_a_dtm_without_a_place_for_the_guard_is_not_built(tmp_path: Path, module: Path, missing: str) -> None:
    (module / "dtmsvr" / "svr.go").write_text(LISTENS.replace(missing, "changed("))
    ended = build(tmp_path, module)
    assert (ended.returncode, (tmp_path / "out" / "dtm").exists()) == (1, False)
    assert "expected one" in ended.stderr


def test_a_dtm_that_listens_in_another_way_is_not_built(tmp_path: Path, module: Path) -> None:
    (module / "dtmsvr" / "svr.go").write_text(LISTENS.replace("conf.GrpcPort", "conf.NewName"))
    ended = build(tmp_path, module)
    assert ended.returncode == 1
    assert "expected two listen addresses" in ended.stderr
    assert not (tmp_path / "out" / "dtm").exists()
