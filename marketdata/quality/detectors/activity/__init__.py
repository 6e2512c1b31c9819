"""How often a series trades at each time of day, and how improbable it is that it does not trade for some minutes.

`timeline` lists the minutes in which bars are expected, `profile` learns the rates of bars, `levels` how active each day
is, `score` the surprise of each gap, and `calibration` how often gaps of that surprise occur by chance.
"""
