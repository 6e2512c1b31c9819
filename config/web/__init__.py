"""The ASGI front of the web server: slow clients wait on the event loop, and threads only compute.

`front` decides which part answers a request. `protocol` limits how long a connection may be silent, `bodies` how long a
client may send. `lanes` are the threads, `call` runs Django in one of them, `exports` sends files block by block.
"""
