"""Messages about findings: what is raised, grouped by cause, and its delivery to each channel.

1. `raising.raise_alerts` takes each event of a finding once, and stores alerts with their deliveries.
2. `delivery.deliver_due` claims a delivery by a conditional UPDATE, sends it, and records the outcome.

A sender that dies between sending and recording leaves a claim; the alert is then sent once more, and its text
states that.
"""
