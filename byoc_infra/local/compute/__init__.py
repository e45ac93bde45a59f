"""The ECS of the local cloud: services and tasks whose containers are processes here.

Imports nothing: whoever only asks `resolver` for names would load all of moto's EC2.
"""
