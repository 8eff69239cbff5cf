"""What a request passes before it reaches a route, as plain ASGI: no answer of a route is buffered or delayed."""
