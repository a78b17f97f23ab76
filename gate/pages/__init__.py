"""What documents say, where they lead and where they belong; reads, decides nothing about the tree and changes nothing."""
