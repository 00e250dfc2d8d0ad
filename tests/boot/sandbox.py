"""The sandbox of socket-proxy.service, option by option, under a real systemd.

Each option has a probe: something that a program can do without the option. It
is tried three times: in a unit without the option, in a unit with this option
alone, and in the service itself with all of them, where the probe takes the place
of the proxy. The first must succeed, the others must fail. So an option that
systemd or the kernel ignores is found, also where another one hides it.

    sandbox.py                all of it, as root, with the package installed
    sandbox.py --probe NAME   one probe; the exit code is 0 if it succeeded
"""

import ctypes
import errno
import mmap
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading

UNIT = "socket-proxy.service"
LIBC = ctypes.CDLL(None, use_errno=True)
STATE = pathlib.Path("/test/state")
FOREIGN = ("10.99.0.1", 7777)
LOCAL = ("127.0.0.1", 7777)
PROBES = {}
# The hierarchy of systemd: its own one of version 1, or the one of version 2.
CGROUPS = pathlib.Path("/sys/fs/cgroup/systemd")
IS_UNIFIED = not CGROUPS.exists()
if IS_UNIFIED:
    CGROUPS = CGROUPS.parent


def probe(function):
    """Registers a probe under the option's name."""
    PROBES[function.__name__] = function
    return function


def call(function, *arguments):
    """A function of libc; -1 is an error."""
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "call")


def status(field):
    """A line of /proc/self/status."""
    text = pathlib.Path("/proc/self/status").read_text()
    return re.search(rf"^{field}:\s*(.*)$", text, re.MULTILINE).group(1)


def refuse(condition):
    """Fails the probe if the condition holds."""
    if condition:
        raise PermissionError(errno.EPERM, "so it is")


def shares_namespace(name):
    """Succeeds in the namespace of process 1."""
    refuse(os.readlink(f"/proc/self/ns/{name}") != (STATE / name).read_text())


def runtime():
    """A directory that the probe may write to."""
    return pathlib.Path(os.environ.get("RUNTIME_DIRECTORY", "/run"))


@probe
def DynamicUser():
    refuse(61184 <= os.getuid() <= 65519)


@probe
def SupplementaryGroups():
    """Turned round: with the option the daemon's socket can be opened."""
    with socket.socket(socket.AF_UNIX) as daemon:
        refuse(daemon.connect_ex("/run/docker.sock") == 0)


@probe
def UMask():
    refuse(os.umask(0) == 0o077)


@probe
def CapabilityBoundingSet():
    refuse(int(status("CapBnd"), 16) == 0)


@probe
def AmbientCapabilities():
    refuse(int(status("CapAmb"), 16) == 0)


@probe
def NoNewPrivileges():
    refuse(status("NoNewPrivs") == "1")


@probe
def SecureBits():
    # PR_GET_SECUREBITS; SECBIT_NOROOT_LOCKED and SECBIT_NO_SETUID_FIXUP_LOCKED.
    refuse(LIBC.prctl(27, 0, 0, 0, 0) & 0b1010 == 0b1010)


@probe
def RuntimeDirectory():
    """Turned round: with the option there is a directory to write to."""
    refuse(os.path.isdir("/run/socket-proxy") and os.access("/run/socket-proxy", os.W_OK))


@probe
def ProtectSystem():
    for place in ("/usr/probe", "/etc/probe", "/var/probe"):
        pathlib.Path(place).write_text("")
        os.remove(place)


@probe
def ProtectHome():
    os.stat("/root/marker")
    os.stat("/home/marker")


@probe
def PrivateTmp():
    os.stat("/tmp/marker")


@probe
def PrivateDevices():
    os.stat("/dev/marker")


@probe
def DevicePolicy():
    with open("/marker-tun", "r+b", buffering=0):
        pass


@probe
def PrivateUsers():
    refuse(pathlib.Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"])


@probe
def PrivateIPC():
    shares_namespace("ipc")


@probe
def PrivateMounts():
    shares_namespace("mnt")


@probe
def ProtectProc():
    os.stat("/proc/1")


@probe
def ProcSubset():
    os.stat("/proc/meminfo")


@probe
def ProtectClock():
    # Only reads, which needs no capability.
    call(LIBC.adjtimex, ctypes.create_string_buffer(512))


@probe
def ProtectControlGroups():
    directory = CGROUPS / "probe"
    directory.mkdir()
    directory.rmdir()


@probe
def ProtectHostname():
    name = socket.gethostname()
    socket.sethostname(name)


@probe
def ProtectKernelLogs():
    # SYSLOG_ACTION_SIZE_BUFFER.
    call(LIBC.klogctl, 10, None, 0)


@probe
def ProtectKernelModules():
    os.stat("/usr/lib/modules/marker")


@probe
def ProtectKernelTunables():
    # The value that it has already, of a network of its own.
    place = pathlib.Path("/proc/sys/net/ipv4/ip_default_ttl")
    place.write_text(place.read_text())


@probe
def LockPersonality():
    # PER_LINUX32
    call(LIBC.personality, 8)


@probe
def MemoryDenyWriteExecute():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


@probe
def RestrictNamespaces():
    # CLONE_NEWUTS, and a user namespace for users without that right.
    call(LIBC.unshare, 0x04000000 | 0x10000000)


@probe
def RestrictRealtime():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


@probe
def RestrictSUIDSGID():
    place = runtime() / "setuid"
    place.write_text("")
    try:
        place.chmod(0o4755)
    finally:
        place.unlink()


@probe
def RestrictAddressFamilies():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()


@probe
def SystemCallArchitectures():
    refuse(subprocess.run([STATE / "elf32"]).returncode != 42)


@probe
def SystemCallErrorNumber():
    """A refused call ends the program, without the option."""
    child = os.fork()
    if child == 0:
        LIBC.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, None)
        os._exit(0)
    refuse(not os.WIFSIGNALED(os.waitpid(child, 0)[1]))


@probe
def SystemCallFilter():
    # Of @privileged and of @resources.
    call(LIBC.setpriority, 0, 0, 1)
    call(LIBC.chroot, b"/")


@probe
def IPAddressDeny():
    socket.create_connection(FOREIGN, timeout=2).close()


@probe
def IPAddressAllow():
    """Turned round: localhost is reached in spite of IPAddressDeny."""
    socket.create_connection(LOCAL, timeout=2).close()
    refuse(True)


@probe
def LimitNOFILE():
    import resource

    refuse(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 10_000)


# In the unit and not of the sandbox.
OTHERS = """Type NotifyAccess ExecStart Environment EnvironmentFile TimeoutStartSec TimeoutStopSec
    WatchdogSec WatchdogSignal Restart RestartSec RestartPreventExitStatus""".split()
# Not to be seen from within: the control group's own files are read.
LIMITS = {
    "MemoryMax": "memory.max" if IS_UNIFIED else "../memory/{}/memory.limit_in_bytes",
    "TasksMax": "pids.max" if IS_UNIFIED else "../pids/{}/pids.max",
}
# systemd does the same without them here, or nothing can be left to remove.
REPORTED = {"KeyringMode": "private", "RemoveIPC": "yes"}
# Where a probe succeeds only for a user that is not root.
AS_NOBODY = ["ProtectProc", "SupplementaryGroups"]
# Options that mean something only beside another one.
BESIDE = {
    "SystemCallErrorNumber": ["SystemCallFilter"],
    "SystemCallFilter": ["SystemCallErrorNumber"],
    "IPAddressAllow": ["IPAddressDeny"],
    "IPAddressDeny": ["IPAddressAllow"],
}
# Nothing to take away without the other options.
ONLY_WITH_ALL = ["AmbientCapabilities"]


def options():
    """The service's options with their values, in order."""
    found = {}
    text = pathlib.Path("/usr/lib/systemd/system", UNIT).read_text()
    for line in text.split("[Service]")[1].split("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return {name: values for name, values in found.items() if name not in OTHERS}


def prepare():
    """What the probes look for."""
    STATE.mkdir(exist_ok=True)
    for name in ("ipc", "mnt"):
        (STATE / name).write_text(os.readlink(f"/proc/1/ns/{name}"))
    for place in ("/root/marker", "/home/marker", "/tmp/marker"):
        pathlib.Path(place).write_text("")
    pathlib.Path("/usr/lib/modules/marker").mkdir(parents=True, exist_ok=True)
    os.umask(0)
    os.mknod("/dev/marker", 0o20666, os.makedev(1, 3))
    os.mknod("/marker-tun", 0o20666, os.makedev(10, 200))
    write_elf32(STATE / "elf32")
    subprocess.run(["ip", "address", "add", FOREIGN[0] + "/32", "dev", "lo"], check=True)
    listener = socket.create_server(("", LOCAL[1]))
    threading.Thread(target=lambda: [listener.accept() for _ in iter(int, 1)], daemon=True).start()


def write_elf32(place):
    """A program for i386 that ends with code 42: exit(42) by `int 0x80`."""
    code = b"\xb8\x01\x00\x00\x00\xbb\x2a\x00\x00\x00\xcd\x80"
    base, size = 0x08048000, 52 + 32 + len(code)
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, base + 84, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, base, base, size, size, 5, 0x1000)
    place.write_bytes(head + segment + code)
    place.chmod(0o755)


def succeeds(name, properties):
    """Tries a probe in a unit with these properties alone."""
    command = ["systemd-run", "--wait", "--quiet", "--collect"]
    if name in AS_NOBODY:
        command.append("--property=User=nobody")
    command += [f"--property={key}={value}" for key, values in properties for value in values]
    return subprocess.run(command + [sys.executable, __file__, "--probe", name]).returncode == 0


def in_the_service():
    """The names of the probes that succeed with all options."""
    drop_in = pathlib.Path("/run/systemd/system", UNIT + ".d", "probe.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(
        "[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\n"
        f"ExecStart={sys.executable} {__file__} --probe-all\nStandardOutput=file:/test/state/all\n"
        "StandardError=journal\n"
    )
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "start", UNIT], check=True)
    drop_in.unlink()
    drop_in.parent.rmdir()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    return (STATE / "all").read_text().split()


def check_limits(found, faults):
    """The limits as the kernel has them, for the running service."""
    group = f"system.slice/{UNIT}"
    for name, file in LIMITS.items():
        file = CGROUPS / (f"{group}/{file}" if IS_UNIFIED else file.format(group))
        text, expected = file.read_text().strip(), found[name][0]
        if expected.endswith("M"):
            expected = str(int(expected[:-1]) * 1024 * 1024)
        if text != expected:
            faults.append(f"{name}: the kernel has {text}")
    for name, expected in REPORTED.items():
        text = subprocess.check_output(["systemctl", "show", "--value", "--property", name, UNIT], text=True)
        if text.strip() != expected:
            faults.append(f"{name}: systemd has {text}")


def main():
    found, faults = options(), []
    prepare()
    check_limits(found, faults)
    subprocess.run(["systemctl", "stop", UNIT], check=True)
    with_all = in_the_service()
    for name in found:
        if name in LIMITS or name in REPORTED:
            continue
        if name not in PROBES:
            faults.append(f"{name} has no probe")
            continue
        beside = [(other, found[other]) for other in BESIDE.get(name, [])]
        alone = [(name, found[name])]
        without = name in ONLY_WITH_ALL or succeeds(name, beside if name == "SystemCallErrorNumber" else [])
        if name == "IPAddressAllow":
            without = True
        results = (without, succeeds(name, beside + alone), name in with_all)
        print(name, *results)
        if results != (True, False, False):
            faults.append(f"{name}: without, with, with all: {results}")
    print("\n".join(faults) or f"sandbox: {len(found)} options are in force")
    sys.exit(bool(faults))


def probe_all():
    """One process for each: some probes change the process that tries them."""
    for name in PROBES:
        if subprocess.run([sys.executable, __file__, "--probe", name]).returncode == 0:
            print(name, flush=True)


if sys.argv[1:2] == ["--probe"]:
    PROBES[sys.argv[2]]()
elif sys.argv[1:] == ["--probe-all"]:
    probe_all()
else:
    main()
