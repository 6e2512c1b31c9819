"""Why minutes have no bar: each gap with one verdict and its evidence.

Pages, the API, `manage.py gaps` and the plan of `manage.py backfill` read the same verdicts. A gap is divided where
the verdict changes, for example where the exchange closes. The first rule that holds decides:

1. closed: outside regular hours by the series' calendar;
2. history covers the minute: degraded if the vendor calls the day so, missing if the table has fewer bars of the day
   than history delivered, else no trade;
3. no trade so far: a live session closed the minute, and history has not confirmed it yet;
4. known empty: the vendor has no data of this range, for a recorded reason, and has not changed its days since;
5. not yet available: later than the history that the account may read;
6. degraded: the vendor calls the day degraded;
7. no trade: less than an hour, within the range of a loaded file;
8. missing.
"""
