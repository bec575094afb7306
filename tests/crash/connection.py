"""One keep-alive connection to /v2/vectordb; raises what NO_ANSWER names when the server is gone, RefusedError when it says no."""
import http.client
import json

ROOT_PASSWORD = "Crash-test-1"  # of servers that run with --auth; the token is ignored by those without
NO_ANSWER = (OSError, http.client.HTTPException, ValueError)  # ValueError: half a reply


class RefusedError(Exception):
    pass


class Connection:
    def __init__(self, port, token="root:" + ROOT_PASSWORD):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"Content-Type": "application/json", "Authorization": "Bearer " + token}

    def call(self, path, body=None):
        self.http.request("POST", "/v2/vectordb/" + path, json.dumps(body or {}), self.headers)
        reply = json.loads(self.http.getresponse().read())
        if reply.get("code") != 0:
            raise RefusedError(f"{path}: {str(reply)[:400]}")
        return reply.get("data")
