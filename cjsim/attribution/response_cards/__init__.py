"""Response cards: what each message causes per 1,000 deliveries, and what last-touch reports credit it with."""
