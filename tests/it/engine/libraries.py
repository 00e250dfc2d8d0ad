"""Containers, networks and volumes with ordinary options, by a library of Python.

It prints what the library made, as inspect shows it, and removes it.
"""

import asyncio
import json
import os
import sys

library, host, name = sys.argv[1:]
IMAGE = "busybox:latest"


def show(container):
    host_config = container["HostConfig"]
    for key in ("Binds", "Mounts"):
        (host_config.get(key) or []).sort(key=json.dumps)
    config = container["Config"]
    if container["Id"].startswith(config["Hostname"]):
        config["Hostname"] = ""
    labels = config["Labels"]
    for key in list(labels):
        if key.startswith("org.testcontainers"):
            del labels[key]
    print(json.dumps([config, host_config], sort_keys=True))


def docker_py():
    import docker
    from docker.types import EndpointConfig, IPAMConfig, IPAMPool, LogConfig, Mount, Ulimit

    client = docker.DockerClient(base_url=host, timeout=60)
    volume = client.volumes.create(f"{name}-vol", driver="local", labels={"a": "b"})
    pools = [IPAMPool(subnet="10.200.8.0/24", gateway="10.200.8.1")]
    network = client.networks.create(
        f"{name}-net", driver="bridge", ipam=IPAMConfig(pool_configs=pools), labels={"a": "b"},
        check_duplicate=True, attachable=True,
    )
    container = client.containers.create(
        IMAGE, ["sh", "-c", "echo out; cat /v/file; exec sleep 600"], name=name,
        ports={"80/tcp": ("127.0.0.1", None), "53/udp": None},
        network=network.name,
        networking_config={network.name: EndpointConfig("1.41", aliases=["web", "www"])},
        volumes={volume.name: {"bind": "/v", "mode": "rw"}},
        mounts=[Mount("/m", volume.name, type="volume", read_only=True), Mount("/t", None, type="tmpfs")],
        environment={"A": "b"}, labels={"c": "d"}, restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
        mem_limit="64m", memswap_limit="128m", nano_cpus=500_000_000, cpu_shares=512, cpuset_cpus="0",
        pids_limit=100, user="0", working_dir="/tmp", entrypoint=["/bin/busybox"], group_add=[1001],
        healthcheck={"test": ["CMD", "true"], "interval": 1_000_000_000, "retries": 2},
        ulimits=[Ulimit(name="nofile", soft=1024, hard=2048)], tmpfs={"/t2": "size=1m"}, init=True,
        read_only=True, cap_drop=["ALL"], cap_add=["CHOWN"], security_opt=["no-new-privileges"],
        log_config=LogConfig(type="json-file", config={"max-size": "1m", "max-file": "2"}),
        dns=["9.9.9.9"], extra_hosts={"a": "1.2.3.4"}, shm_size="1m", stop_signal="SIGINT",
        hostname="h", domainname="example.org", tty=True, stdin_open=True, auto_remove=False,
        ipc_mode="private", oom_score_adj=100, runtime="runc",
    )
    show(container.attrs)
    try:
        network.disconnect(container)
        network.connect(container, aliases=["other"])
        container.start()
        print(container.exec_run(["id", "-u"], user="1000", environment={"A": "b"}, workdir="/tmp"))
        container.update(mem_limit="96m", memswap_limit="192m")
        container.restart(timeout=0)
    finally:
        container.remove(force=True, v=True)
        network.remove()
        volume.remove()


async def aiodocker():
    import aiodocker

    client = aiodocker.Docker(url=host)
    volume = await client.volumes.create({"Name": f"{name}-vol", "Labels": {"a": "b"}})
    network = await client.networks.create({"Name": f"{name}-net", "Driver": "bridge", "Labels": {"a": "b"}})
    config = {
        "Image": IMAGE, "Cmd": ["sleep", "600"], "Env": ["A=b"], "Labels": {"c": "d"}, "User": "1000",
        "AttachStdin": False, "AttachStdout": False, "AttachStderr": False, "Tty": False, "OpenStdin": False,
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {
            "Binds": [f"{name}-vol:/v"], "NetworkMode": f"{name}-net", "Memory": 64 << 20,
            "PortBindings": {"80/tcp": [{"HostPort": ""}]}, "RestartPolicy": {"Name": "no"},
            "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": True,
            "LogConfig": {"Type": "local", "Config": {"max-size": "1m"}},
        },
        "NetworkingConfig": {"EndpointsConfig": {f"{name}-net": {"Aliases": ["web"]}}},
    }
    container = await client.containers.create_or_replace(name, config)
    try:
        show(await container.show())
        await container.start()
        execution = await container.exec(["echo", "x"], user="0", workdir="/tmp", environment={"A": "b"})
        async with execution.start(detach=False) as stream:
            print((await stream.read_out()).data)
        await container.restart(timeout=0)
    finally:
        await container.delete(force=True, v=True)
        await network.delete()
        await volume.delete()
        await client.close()


def testcontainers():
    os.environ["DOCKER_HOST"] = host
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.network import Network
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    with Network() as network:
        container = DockerContainer(IMAGE).with_name(name).with_network(network).with_network_aliases("db")
        container = container.with_command("sh -c 'echo ready; exec sleep 600'").with_env("A", "b")
        container = container.with_kwargs(mem_limit="64m", tmpfs={"/t": "size=1m"}, user="1000")
        container = container.waiting_for(LogMessageWaitStrategy("ready"))
        with container:
            attributes = container.get_wrapped_container().attrs
            attributes["HostConfig"]["NetworkMode"] = ""
            show(attributes)
            print(container.exec(["id", "-u"]))


match library:
    case "docker-py":
        docker_py()
    case "aiodocker":
        asyncio.run(aiodocker())
    case "testcontainers":
        testcontainers()
