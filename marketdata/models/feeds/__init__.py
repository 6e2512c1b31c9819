"""What is known about the vendor's data: subscriptions, requests and their cost, days that history covers."""
