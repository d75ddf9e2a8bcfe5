"""What the pages have from code, the template and measurements: tables, the API's document, a picture."""
