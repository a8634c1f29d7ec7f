"""Labels teach the ads: who came by an ad and got a good label, as files for Meta and Google and as calls to Meta."""
