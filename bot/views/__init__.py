"""What plugins show to users, and how they ask them: pages, questions, dead buttons."""
