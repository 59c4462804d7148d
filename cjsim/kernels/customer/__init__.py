"""How a customer reacts: effects, responses to messages, decay, offers and referrals."""
