"""How lines get here: settings and programs to copy, with the server's URL and an ingest key in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

PLACEHOLDER = "YOUR_INGEST_KEY"  # where a key is not known, as it is shown once
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:_]+")


@dataclass(frozen=True)
class File:
    """A text to copy; `name` is where it belongs, "" for a terminal."""

    name: str
    text: str


@dataclass(frozen=True)
class Snippet:
    name: str
    title: str
    note: str
    files: tuple[File, ...]


def snippets(url: str, key: str = "") -> list[Snippet]:
    """For a server at this URL; with the key, or a placeholder for it."""
    key = key or PLACEHOLDER
    return [
        _curl(url, key),
        _rsyslog(url, key),
        _fluent_bit(url, key),
        _vector(url, key),
        _collector(url, key),
        _python(url, key),
        _node(url, key),
    ]


def server_url(public_url: str, base: str) -> str:
    """The URL that senders use: the one of the settings, else that of this request. A host that a client
    made up and no URL can have becomes `localhost`: it would end up in shells."""
    parts = urlsplit(public_url or base)
    host = parts.netloc if _HOST.fullmatch(parts.netloc) else "localhost"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/') if public_url else ''}"


def _curl(url: str, key: str) -> Snippet:
    text = f"""\
printf '%s\\n' '{{"app":"shop","level":"info","message":"hello from curl"}}' |
  curl --fail-with-body --data-binary @- \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/x-ndjson' \\
    '{url}/v1/ingest'
"""
    return Snippet(
        "curl",
        "curl",
        "One JSON object a line. Lines of any text go with Content-Type: text/plain and ?app=NAME.",
        (File("", text),),
    )


def _rsyslog(url: str, key: str) -> Snippet:
    settings = """\
module(load="omprog")
template(name="logkeep" type="list") {
  constant(value="{")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  constant(value=",") property(outname="host" name="hostname" format="jsonf")
  constant(value=",") property(outname="app" name="programname" format="jsonf")
  constant(value=",") property(outname="level" name="syslogseverity-text" format="jsonf")
  constant(value=",") property(outname="message" name="msg" format="jsonf")
  constant(value="}\\n")
}
action(type="omprog" binary="/usr/local/bin/logkeep-forward" template="logkeep"
       confirmMessages="on" useTransactions="on" action.resumeRetryCount="-1"
       queue.type="LinkedList" queue.filename="logkeep" queue.maxDiskSpace="1g"
       queue.saveOnShutdown="on")
"""
    program = f"""\
#!/usr/bin/env python3
# rsyslog hands lines over in transactions; one is confirmed when its lines are durable.
import sys
import urllib.request

URL, KEY = "{url}/v1/ingest", "{key}"
HEADERS = {{"Authorization": f"Bearer {{KEY}}", "Content-Type": "application/x-ndjson"}}


def say(word):
    print(word, flush=True)


lines = []
say("OK")
for line in iter(sys.stdin.buffer.readline, b""):
    if line == b"BEGIN TRANSACTION\\n":
        lines = []
        say("OK")
    elif line == b"COMMIT TRANSACTION\\n":
        try:
            request = urllib.request.Request(URL, b"".join(lines), HEADERS)
            urllib.request.urlopen(request, timeout=60).close()
            say("OK")
        except OSError as error:
            say(f"not sent: {{error}}")
    else:
        lines.append(line)
        say("DEFER_COMMIT")
"""
    return Snippet(
        "rsyslog",
        "rsyslog",
        "With omprog, which every distribution ships, and Python 3. Make the program executable (chmod 755), "
        "then restart rsyslog. What cannot be sent waits on the disk.",
        (File("/etc/rsyslog.d/60-logkeep.conf", settings), File("/usr/local/bin/logkeep-forward", program)),
    )


def _fluent_bit(url: str, key: str) -> Snippet:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    text = f"""\
[OUTPUT]
    Name              http
    Match             *
    Host              {parts.hostname}
    Port              {parts.port or (443 if tls else 80)}
    URI               {parts.path}/v1/ingest
    Format            json_lines
    Json_date_key     timestamp
    Json_date_format  iso8601
    Compress          gzip
    Header            Authorization Bearer {key}
    Tls               {"On" if tls else "Off"}
    Retry_Limit       no_limits
"""
    return Snippet(
        "fluent-bit",
        "Fluent Bit",
        "The fields host, app, level, file, env and tag of a record become those of the line.",
        (File("fluent-bit.conf", text),),
    )


def _vector(url: str, key: str) -> Snippet:
    text = f"""\
sinks:
  logkeep:
    type: http
    inputs: ["YOUR_SOURCE"]
    uri: {url}/v1/ingest
    method: post
    compression: gzip
    encoding:
      codec: json
    framing:
      method: newline_delimited
    auth:
      strategy: bearer
      token: {key}
"""
    return Snippet(
        "vector",
        "Vector",
        "Put the name of your source into inputs. Vector waits for the answer, so lines are durable when "
        "they are acknowledged.",
        (File("vector.yaml", text),),
    )


def _collector(url: str, key: str) -> Snippet:
    text = f"""\
exporters:
  otlp_http:
    endpoint: {url}
    headers:
      Authorization: Bearer {key}

service:
  pipelines:
    logs:
      receivers: [otlp]
      exporters: [otlp_http]
"""
    return Snippet(
        "otel",
        "OpenTelemetry Collector",
        "Before version 0.144 the exporter is called otlphttp. Name your receivers. SDKs send the same with "
        f"OTEL_EXPORTER_OTLP_ENDPOINT={url} and OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20KEY.",
        (File("config.yaml", text),),
    )


def _python(url: str, key: str) -> Snippet:
    text = f"""\
import json
import urllib.request


def send(*events):
    \"\"\"Return once the events are durable. Raises OSError when they are not.\"\"\"
    request = urllib.request.Request(
        "{url}/v1/ingest",
        data="\\n".join(json.dumps(event) for event in events).encode(),
        headers={{"Authorization": "Bearer {key}", "Content-Type": "application/x-ndjson"}},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


print(send({{"app": "shop", "level": "info", "message": "hello from Python"}}))
"""
    return Snippet("python", "Python", "Needs the standard library alone.", (File("send.py", text),))


def _node(url: str, key: str) -> Snippet:
    text = f"""\
async function send(...events) {{
  const answer = await fetch("{url}/v1/ingest", {{
    method: "POST",
    headers: {{ Authorization: "Bearer {key}", "Content-Type": "application/x-ndjson" }},
    body: events.map((event) => JSON.stringify(event)).join("\\n"),
  }});
  if (!answer.ok) throw new Error(`${{answer.status}} ${{await answer.text()}}`);
  return answer.json();
}}

send({{ app: "shop", level: "info", message: "hello from Node" }}).then(console.log);
"""
    return Snippet("node", "Node.js", "Node 18 or newer has fetch.", (File("send.js", text),))
