"""How often a series trades at each time of day, and how improbable it is that it does not trade for some minutes.

`timeline` lists the minutes in which bars are expected. `profile` learns how often they have one, and `levels` how
active each day is. `score` finds the surprise of each gap, and `calibration` how many such gaps occur by chance.
"""
