#!/bin/sh
echo "@NAME@"
