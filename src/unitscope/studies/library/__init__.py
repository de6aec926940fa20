"""The studies that come with unitscope: each module or package holds one ``STUDY``, and its name is the study's."""
