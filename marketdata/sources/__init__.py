"""Where minute bars are read from: the table, or the lake for the years that are archived.

`split` decides it for a range of time, the only place that does; `lakes` opens the lakes; `settled` repeats a read
during which a year was archived or restored.
"""
