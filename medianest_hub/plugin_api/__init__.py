"""The public contract: all a plugin imports. It declares, does no I/O and knows neither Sanic nor Redis nor Postgres."""

from medianest_hub.plugin_api import errors
from medianest_hub.plugin_api.answers import FileAnswer, Page, StreamAnswer
from medianest_hub.plugin_api.context import Context
from medianest_hub.plugin_api.events import (
    Event,
    EventData,
    Listener,
    MediaFileAdded,
    PersonRemoved,
    ScanRequested,
    listener,
)
from medianest_hub.plugin_api.health import CheckResult, HealthCheck, HealthStatus, health_check
from medianest_hub.plugin_api.hookspecs import hookimpl
from medianest_hub.plugin_api.images import ImageSource
from medianest_hub.plugin_api.kinds import (
    Action,
    ActionField,
    Chart,
    ChartPoint,
    ChartSeries,
    ItemList,
    ListItem,
    MediaCard,
    MediaRow,
    ProgressItem,
    ProgressList,
    Stat,
    StatusCell,
    StatusGrid,
    Text,
    Tone,
    WidgetData,
)
from medianest_hub.plugin_api.lifecycle import Lifecycle
from medianest_hub.plugin_api.media import MediaDetails, MediaHit, MediaLink, MediaRequest, MediaSeason, MediaSource
from medianest_hub.plugin_api.notifications import LANGUAGES, NotificationKind, Words
from medianest_hub.plugin_api.notifiers import Notification, Notifier
from medianest_hub.plugin_api.people import ACCOUNT, ADMIN, SIGNED_IN, Permission, Person, Role, Viewer
from medianest_hub.plugin_api.plugin import API_VERSION, Limit, PluginInfo, PluginSettings
from medianest_hub.plugin_api.routes import AnswerCache, Call, Empty, Route, Router
from medianest_hub.plugin_api.services import Database, Http, HttpResponse, JobView, Log, Queries, Record, WebSocket
from medianest_hub.plugin_api.sign_in import (
    SIGN_IN_SECRET,
    Identity,
    LinkedIdentity,
    SignInProvider,
    SignInStart,
    Standing,
)
from medianest_hub.plugin_api.streams import Lease, Stream, stream
from medianest_hub.plugin_api.tasks import Job, JobState, Progress, Task, task
from medianest_hub.plugin_api.tls import TlsTrust
from medianest_hub.plugin_api.webhooks import Webhook
from medianest_hub.plugin_api.widgets import EVERYONE, PERSON, ROLE, Scope, Widget, widget

__all__ = [
    "ACCOUNT",
    "ADMIN",
    "API_VERSION",
    "EVERYONE",
    "LANGUAGES",
    "PERSON",
    "ROLE",
    "SIGNED_IN",
    "SIGN_IN_SECRET",
    "Action",
    "ActionField",
    "AnswerCache",
    "Call",
    "Chart",
    "ChartPoint",
    "ChartSeries",
    "CheckResult",
    "Context",
    "Database",
    "Empty",
    "Event",
    "EventData",
    "FileAnswer",
    "HealthCheck",
    "HealthStatus",
    "Http",
    "HttpResponse",
    "Identity",
    "ImageSource",
    "ItemList",
    "Job",
    "JobState",
    "JobView",
    "Lease",
    "Lifecycle",
    "Limit",
    "LinkedIdentity",
    "ListItem",
    "Listener",
    "Log",
    "MediaCard",
    "MediaDetails",
    "MediaFileAdded",
    "MediaHit",
    "MediaLink",
    "MediaRequest",
    "MediaRow",
    "MediaSeason",
    "MediaSource",
    "Notification",
    "NotificationKind",
    "Notifier",
    "Page",
    "Permission",
    "Person",
    "PersonRemoved",
    "PluginInfo",
    "PluginSettings",
    "Progress",
    "ProgressItem",
    "ProgressList",
    "Queries",
    "Record",
    "Role",
    "Route",
    "Router",
    "ScanRequested",
    "Scope",
    "SignInProvider",
    "SignInStart",
    "Standing",
    "Stat",
    "StatusCell",
    "StatusGrid",
    "Stream",
    "StreamAnswer",
    "Task",
    "Text",
    "TlsTrust",
    "Tone",
    "Viewer",
    "WebSocket",
    "Webhook",
    "Widget",
    "WidgetData",
    "Words",
    "errors",
    "health_check",
    "hookimpl",
    "listener",
    "stream",
    "task",
    "widget",
]
