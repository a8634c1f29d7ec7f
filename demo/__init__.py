"""`make demo`: two months of a small company's WhatsApp, told by its gateways over HTTP. See docs/demo.md.

`story` invents it (same seed, same story), `senders` writes it as each gateway would, `playing` posts it.
"""
