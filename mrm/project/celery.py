"""The worker: a bell that says there is work, and a clock that looks for what the bell missed."""

import os
import threading

import structlog
from celery import Celery
from celery.schedules import crontab
from kombu.exceptions import KombuError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mrm.project.settings")

log = structlog.get_logger(__name__)
app = Celery("mrm")
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 5, "visibility_timeout": 3600},
    task_ignore_result=True,
    task_acks_late=True,
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    timezone="UTC",
    beat_schedule={
        "work": {"task": "mrm.work", "schedule": 10.0},
        "dispatch": {"task": "mrm.dispatch", "schedule": 10.0},
        "sweep": {"task": "mrm.sweep", "schedule": 20.0},
        "heartbeat": {"task": "mrm.heartbeat", "schedule": 60.0},
        "watch": {"task": "mrm.watch", "schedule": 300.0},
        "look": {"task": "mrm.look", "schedule": 15.0},
        "predictions": {"task": "mrm.predictions", "schedule": 5.0, "options": {"expires": 5}},
        "discovery": {"task": "mrm.discovery", "schedule": crontab(hour="0", minute="37")},
        "archive": {"task": "mrm.archive", "schedule": crontab(hour="1", minute="7")},
        "replay": {"task": "mrm.replay", "schedule": crontab(hour="2", minute="17")},
    },
)


@app.on_configure.connect
def _take_settings(sender: Celery, **kwargs: object) -> None:
    from django.conf import settings  # noqa: PLC0415  the module is also loaded before settings are

    sender.conf.broker_url = settings.BROKER_URL


@app.task(name="mrm.work")
def work() -> None:
    """Do waiting jobs until none is left."""
    from mrm.jobs.runner import run_next  # noqa: PLC0415  needs the apps

    while run_next():
        pass


@app.task(name="mrm.dispatch")
def dispatch() -> None:
    """Run the reactions that committed events still owe."""
    from mrm.project.reactions import dispatch_all  # noqa: PLC0415  needs the apps

    dispatch_all()


@app.task(name="mrm.sweep")
def sweep() -> None:
    """Take back the jobs of workers that fell silent."""
    from mrm.jobs.runner import sweep as take_back  # noqa: PLC0415  needs the apps

    take_back()


@app.task(name="mrm.heartbeat")
def heartbeat() -> None:
    """Look whether what guards the trail is as it was written down."""
    from mrm.audit.heartbeat import beat  # noqa: PLC0415  needs the apps

    beat()


@app.task(name="mrm.replay")
def replay() -> None:
    """Ask, every night, for the comparison of the live rows with the log."""
    from mrm.audit.services import INTEGRITY  # noqa: PLC0415  needs the apps
    from mrm.audit.work import ask_for_replay  # noqa: PLC0415  the same

    ask_for_replay(actor=INTEGRITY)


@app.task(name="mrm.watch")
def watch() -> None:
    """Do what time asks for: settle, escalate, suspend, let expire, and say what must be withdrawn."""
    from mrm.project.watching import watch_all  # noqa: PLC0415  needs the apps

    watch_all()


@app.task(name="mrm.look")
def look() -> None:
    """Have the serving places looked at whose turn it is."""
    from mrm.deployment.services import look_around  # noqa: PLC0415  needs the apps

    look_around()


@app.task(name="mrm.predictions")
def predictions() -> None:
    """Take into the prediction log what gateways left."""
    from mrm.prediction.services import take  # noqa: PLC0415  needs the apps

    take()


@app.task(name="mrm.discovery")
def discovery() -> None:
    """Ask, every night, each serving place and registry for what it holds."""
    from mrm.discovery.services import ask_for_listings  # noqa: PLC0415  needs the apps

    ask_for_listings()


@app.task(name="mrm.archive")
def archive() -> None:
    """Ask, every night, for the days of the prediction log to be made ready, archived and compared."""
    from mrm.jobs.services import request_once  # noqa: PLC0415  needs the apps
    from mrm.prediction.services.alerts import LOG  # noqa: PLC0415  the same

    request_once("prediction.archive", label="Archive of the prediction log", actor=LOG)


def ring() -> None:
    """After a commit: say that events wait for their reactions. Silence costs seconds, not data."""
    _ring("mrm.dispatch")


def ring_jobs() -> None:
    """After a commit: say that a job waits."""
    _ring("mrm.work")


_ringing = {"mrm.work": threading.Lock(), "mrm.dispatch": threading.Lock()}


def _ring(task: str) -> None:
    """Beside the request: a silent broker costs nobody time. A bell that is being rung is not rung twice."""
    if _ringing[task].acquire(blocking=False):
        threading.Thread(target=_send, args=[task], daemon=True).start()


def _send(task: str) -> None:
    try:
        app.send_task(task, expires=30)
    except (KombuError, OSError) as error:
        log.warning("the broker does not answer; the clock will find the work", task=task, error=str(error))
    finally:
        _ringing[task].release()
