"""GOWA (go-whatsapp-web-multidevice): signed, with WhatsApp's own label time; no pull, no writing."""
