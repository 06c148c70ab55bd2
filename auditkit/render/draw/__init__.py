"""Charts as positions: templates and writers only draw."""
