#!/usr/bin/env python3
"""SMTP in, SMTP out: mails per second and processor time per mail, beside plain Postfix and Postfix with amavisd-new.

    benches/relay.py [--mails 2000] [--rounds 3] [--tools misogi,postfix,amavis] [--misogi target/release/misogi]

All tools relay the same 2 KB text mails from smtp-source to smtp-sink (both Debian's, package postfix) and are run in turn, round by
round, so that only the ratios of one run mean anything. Every tool makes a mail durable before it answers. Needs root, postfix,
amavisd-new. Processor time is that of the whole process tree, ended children included, without source and sink.
"""
import argparse, os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def tree_cpu(roots):
    """Seconds of processor time of the process trees, ended and reaped children included."""
    stats, children = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = pathlib.Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        stats[int(entry)] = sum(int(x) for x in fields[11:15])
        children.setdefault(int(fields[1]), []).append(int(entry))
    total, open_ = 0, list(roots)
    while open_:
        pid = open_.pop()
        total += stats.get(pid, 0)
        open_ += children.get(pid, [])
    return total / TICKS


class Sink:
    """smtp-sink, with its running count of mails read from its output."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen(["smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{self.port}", "1000"],
                                        stdout=subprocess.PIPE, bufsize=0)
        self.count = 0
        threading.Thread(target=self.read, daemon=True).start()
        wait_port(self.port)

    def read(self):
        text = b""
        while chunk := self.process.stdout.read(4096):
            text = (text + chunk)[-400:]
            found = re.findall(rb"mesg=(\d+)", text)
            if found:
                self.count = int(found[-1])

    def close(self):
        self.process.kill()
        self.process.wait()


def postfix(directory, listen, main, services=""):
    """A Postfix instance of its own; returns the pid of its master."""
    for name in ("etc", "queue", "data"):
        (directory / name).mkdir(parents=True)
    shutil.chown(directory / "data", "postfix")
    for part in [directory, *directory.parents]:
        if part != pathlib.Path("/tmp") and part != pathlib.Path("/"):
            part.chmod(0o755)
    (directory / "etc/main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
mail_owner = postfix
setgid_group = postdrop
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = bench.test
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
alias_database =
mydestination =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
maillog_file = {directory}/postfix.log
maillog_file_prefixes = {directory}
smtp_host_lookup = native
smtp_dns_support_level = disabled
{main}""")
    (directory / "etc/master.cf").write_text(f"""127.0.0.1:{listen} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
{services}""")
    subprocess.run(["postfix", "-c", directory / "etc", "start"], check=True, stderr=subprocess.DEVNULL)
    wait_port(listen)
    return int((directory / "queue/pid/master.pid").read_text())


class Postfix:
    name = "postfix"

    def __init__(self, directory, sink):
        self.directory, self.port = directory, free_port()
        self.roots = [postfix(directory, self.port, f"relayhost = [127.0.0.1]:{sink.port}\n")]

    def close(self):
        subprocess.run(["postfix", "-c", self.directory / "etc", "abort"], stderr=subprocess.DEVNULL)


class Amavis(Postfix):
    name = "postfix + amavis"

    def __init__(self, directory, sink):
        self.directory, self.port = directory, free_port()
        scan, back = free_port(), free_port()
        home = directory / "amavis"
        for name in ("", "tmp", "db", "var"):
            (home / name).mkdir(parents=True, exist_ok=True)
            shutil.chown(home / name, "amavis", "amavis")
        conf = directory / "amavisd.conf"
        conf.write_text(f"""use strict;
$max_servers = 2;
$daemon_user = 'amavis'; $daemon_group = 'amavis';
$MYHOME = '{home}'; $TEMPBASE = '{home}/tmp'; $db_home = '{home}/db'; $lock_file = '{home}/var/lock'; $pid_file = '{home}/var/pid';
$mydomain = 'bench.test'; $myhostname = 'bench.test';
@bypass_virus_checks_maps = (1); @bypass_spam_checks_maps = (1);
@av_scanners = (); @av_scanners_backup = ();
$log_level = 0; $do_syslog = 0; $LOGFILE = '{home}/log';
$enable_db = 0; $inet_socket_bind = '127.0.0.1'; $inet_socket_port = {scan};
$forward_method = 'smtp:[127.0.0.1]:{back}'; $notify_method = $forward_method;
$final_bad_header_destiny = D_PASS; $final_banned_destiny = D_PASS;
@inet_acl = qw(127.0.0.1);
1;
""")
        self.amavis = subprocess.Popen(["amavisd", "-c", conf, "foreground"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        wait_port(scan)
        master = postfix(directory, self.port,
                         f"relayhost = [127.0.0.1]:{sink.port}\ncontent_filter = smtp-amavis:[127.0.0.1]:{scan}\n",
                         f"""smtp-amavis unix - - n - 2 smtp
    -o smtp_data_done_timeout=1200
127.0.0.1:{back} inet n - n - - smtpd
    -o content_filter=
    -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks
""")
        self.roots = [master, self.amavis.pid]

    def close(self):
        super().close()
        self.amavis.send_signal(signal.SIGTERM)
        self.amavis.wait()


class Misogi:
    name = "misogi"

    def __init__(self, directory, sink, binary):
        directory.mkdir()
        self.port, portal, admin = free_port(), free_port(), free_port()
        (directory / "misogi.toml").write_text(f"""data = "{directory}/data"
[smtp]
listen = "127.0.0.1:{self.port}"
hostname = "bench.test"
[portal]
listen = "127.0.0.1:{portal}"
[admin]
listen = "127.0.0.1:{admin}"
[delivery]
next_hop = "smtp://127.0.0.1:{sink.port}"
[log]
level = "warn"
""")
        self.process = subprocess.Popen([binary, "serve", "--config", directory / "misogi.toml"],
                                        stdout=subprocess.DEVNULL, stderr=open(directory / "log", "wb"))
        wait_port(self.port)
        self.roots = [self.process.pid]

    def resident(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def close(self):
        self.process.terminate()
        self.process.wait()


def measure(tool, sink, mails, size, sessions):
    """(mails per second, milliseconds of processor time per mail) until the sink holds every mail."""
    before, cpu, start = sink.count, tree_cpu(tool.roots), time.monotonic()
    subprocess.run(["smtp-source", "-s", str(sessions), "-m", str(mails), "-l", str(size), "-f", "a@example.jp",
                    "-t", "staff@city.example.lg.jp", f"127.0.0.1:{tool.port}"], check=True)
    accepted = time.monotonic() - start
    while sink.count < before + mails:
        if time.monotonic() - start > 600:
            sys.exit(f"{tool.name}: {sink.count - before} of {mails} mails after 10 minutes")
        time.sleep(0.02)
    wall = time.monotonic() - start
    return mails / wall, 1000 * (tree_cpu(tool.roots) - cpu) / mails, mails / accepted


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--mails", type=int, default=2000)
    arguments.add_argument("--size", type=int, default=2048)
    arguments.add_argument("--sessions", type=int, default=20)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--tools", default="misogi,postfix,amavis")
    arguments.add_argument("--misogi", default="target/release/misogi")
    options = arguments.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="misogi-relay-"))
    sink, tools = Sink(), []
    try:
        for name in options.tools.split(","):
            directory = root / name
            tools.append({"misogi": lambda: Misogi(directory, sink, options.misogi),
                          "postfix": lambda: Postfix(directory, sink),
                          "amavis": lambda: Amavis(directory, sink)}[name]())
        results = {tool.name: [] for tool in tools}
        for tool in tools:
            measure(tool, sink, 100, options.size, 4)
        for _ in range(options.rounds):
            for tool in tools:
                results[tool.name].append(measure(tool, sink, options.mails, options.size, options.sessions))
                if isinstance(tool, Misogi):
                    print(f"misogi gateway process: {tool.resident():.1f} MiB resident", file=sys.stderr)
        middle = {name: tuple(sorted(run[i] for run in runs)[len(runs) // 2] for i in range(3)) for name, runs in results.items()}
        reference = middle.get("postfix", next(iter(middle.values())))
        print(f"{options.mails} mails of {options.size} bytes, {options.sessions} sessions, median of {options.rounds} rounds")
        print(f"{'tool':18} {'mails/s':>9} {'accepted/s':>11} {'CPU ms/mail':>12} {'mails/s to Postfix':>19}")
        for name, (rate, cpu, accepted) in middle.items():
            print(f"{name:18} {rate:9.0f} {accepted:11.0f} {cpu:12.3f} {rate / reference[0]:19.2f}")
    finally:
        for tool in tools:
            tool.close()
        sink.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
