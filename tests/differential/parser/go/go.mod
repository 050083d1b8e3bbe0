module portcullis/parser

go 1.19
