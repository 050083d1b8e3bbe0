"""Makes calls with the vendors' Python clients as published: a job a line in, what came of it a line out.

In: {"call", "url", "key", "model"}. Out: {"result"} or {"error": {"class", "message", ...}}.
"""

import json
import sys

import anthropic
import openai
from openai.types.realtime import RealtimeErrorEvent
from websockets.exceptions import ConnectionClosed

MESSAGES = [{"role": "user", "content": "hi there"}]


def openai_client(url, key):
    return openai.OpenAI(api_key=key, base_url=f"{url}/v1", websocket_base_url=f"{url}/v1".replace("http:", "ws:"))


def anthropic_client(url, key):
    return anthropic.Anthropic(api_key=key, base_url=url)


def batch(model):
    lines = [{"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": {"messages": MESSAGES, "model": name}} for name in ("haiku-4", model)]
    return ("batch.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())


def anthropic_stream(client, model):
    with client.messages.stream(model=model, max_tokens=9, messages=MESSAGES) as stream:
        return stream.get_final_message()


def realtime(client, model):
    with client.realtime.connect(model=model) as session:
        events = []
        try:
            for event in session:
                events.append(event)
                if isinstance(event, RealtimeErrorEvent):
                    continue
                if event.type == "session.created":
                    session.response.create(response={"instructions": "hi there"})
                if event.type == "response.done":
                    return {"events": events}
        except ConnectionClosed as closed:
            return {"events": events, "code": closed.rcvd.code}
        # This client's iterator ends without an error when the WebSocket closes normally.
        return {"events": events}


CALLS = {
    "openai chat": (openai_client, lambda client, model: client.chat.completions.create(model=model, messages=MESSAGES)),
    "openai chat, streaming": (openai_client, lambda client, model: list(client.chat.completions.create(model=model, messages=MESSAGES, stream=True))),
    "openai responses": (openai_client, lambda client, model: client.responses.create(model=model, input="hi there")),
    "openai responses, streaming": (openai_client, lambda client, model: list(client.responses.create(model=model, input="hi there", stream=True))),
    "openai embeddings": (openai_client, lambda client, model: client.embeddings.create(model=model, input="hi there")),
    "openai image edit, multipart": (openai_client, lambda client, model: client.images.edit(image=("a.png", b"PNG"), prompt="a gate", model=model)),
    "openai transcription, multipart": (openai_client, lambda client, model: client.audio.transcriptions.create(file=("a.wav", b"RIFF"), model=model)),
    "openai batch file, multipart": (openai_client, lambda client, model: client.files.create(file=batch(model), purpose="batch")),
    "openai model": (openai_client, lambda client, model: client.models.retrieve(model)),
    "openai realtime": (openai_client, realtime),
    "anthropic messages": (anthropic_client, lambda client, model: client.messages.create(model=model, max_tokens=9, messages=MESSAGES)),
    "anthropic messages, streaming": (anthropic_client, lambda client, model: list(client.messages.create(model=model, max_tokens=9, messages=MESSAGES, stream=True))),
    "anthropic messages, stream helper": (anthropic_client, anthropic_stream),
    "anthropic token count": (anthropic_client, lambda client, model: client.messages.count_tokens(model=model, messages=MESSAGES)),
    "anthropic batch": (
        anthropic_client,
        lambda client, model: client.messages.batches.create(requests=[{"custom_id": "a", "params": {"model": model, "max_tokens": 9, "messages": MESSAGES}}]),
    ),
    "anthropic model": (anthropic_client, lambda client, model: client.models.retrieve(model)),
}


def done(job):
    make, call = CALLS[job["call"]]
    try:
        return {"result": call(make(job["url"], job["key"]), job["model"])}
    except (openai.OpenAIError, anthropic.AnthropicError) as error:
        kind = type(error)
        said = {name: getattr(error, name, None) for name in ("status_code", "code", "param", "type", "request_id", "body")}
        return {"error": {"class": f"{kind.__module__}.{kind.__name__}", "message": str(error), **said}}


for line in sys.stdin:
    print(json.dumps(done(json.loads(line)), default=lambda value: value.model_dump(mode="json")), flush=True)
