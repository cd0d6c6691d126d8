"""The programs of the platform: started, supervised, ended."""
