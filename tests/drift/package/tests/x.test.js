client.post("/v1/only/in/a/test")
